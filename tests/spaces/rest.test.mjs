// The REST calls that the clients of the dialect make (S50 to S53).

import assert from 'node:assert/strict';
import { golden, missing } from './kit/golden.mjs';
import { J25, J4, JAVASCRIPT, P5 } from './kit/kinds.mjs';
import { exactly, like, text } from '../kit/like.mjs';
import { suite } from './kit/scene.mjs';
import { BASIC } from './kit/token.mjs';

const PASSWORD = 'spaces-x-space-password';

suite('REST', (stage) => {
  const bodies = {
    JSON: { body: { displayname: 'anonymous ab', username: 'aUniqueNameABC' } },
    'a form': { form: { displayname: 'anonymous ab', username: 'aUniqueNameABC' } },
    'an empty object': { body: {} },
    'an empty form': { form: {} },
    nothing: {},
  };
  for (const [what, options] of Object.entries(bodies)) {
    stage.one('S50', `a guest who asks with ${what} has a token for a day, with which the libraries connect`, async (scene) => {
      const { status, body } = await scene.rest('POST', '/api/anonymous/auth', options);
      assert.equal(status, 200);
      const { exp, iat } = JSON.parse(Buffer.from(body.token.split('.')[1], 'base64url'));
      assert.equal(exp - iat, 24 * 3600);
      const me = await scene.rest('GET', '/api/users/me', { as: body });
      like(me.body, { aType: 'anonymous', _id: text, username: (name) => typeof name === 'string', displayname: (name) => typeof name === 'string' });
      const { displayname } = options.body ?? options.form ?? {};
      if (displayname) assert.equal(me.body.displayname, displayname);
      assert.deepEqual(missing(me.body, golden('server-rest-users-me')), []);
      for (const kind of [J25, J4, P5]) {
        const guest = await scene.member(kind, { id: me.body._id, token: body.token });
        like(guest.echo, { sender: { _id: me.body._id, type: 'anonymous' }, content: { role: 'guest' } });
      }
    });
  }

  for (const slash of ['', '/']) {
    stage.one('S51', `joins a space${slash && ', with a slash behind'}`, async (scene) => {
      const owner = scene.person('owner');
      const space = await scene.space(owner, { title: 'My space' });
      const { status, body } = await scene.rest('GET', `/api/spaces/${space}/join${slash}`, { as: scene.person('alice') });
      assert.equal(status, 200);
      like(body.topic, { _id: space, title: 'My space', members: (members) => members.some(({ member, role }) => member === owner.id && role === 'admin') });
      assert.deepEqual(missing(body, golden('server-rest-space-join')), []);
      assert.deepEqual(missing(body.topic.members[0], golden('server-rest-space-join').topic.members[0]), []);
    });
    stage.one('S51', `joins a space with its password${slash && ', with a slash behind'}`, async (scene) => {
      const space = await scene.space(scene.person('owner'), { password: 'open sesame' });
      const alice = scene.person('alice');
      const join = (headers) => scene.rest('GET', `/api/spaces/${space}/join${slash}`, { as: alice, headers });
      for (const headers of [{}, { [PASSWORD]: '' }, { [PASSWORD]: 'wrong' }]) assert.equal((await join(headers)).status, 403);
      like(await join({ [PASSWORD]: 'open sesame' }), { status: 200 });
    });
  }

  stage.one('S52', 'is known by every prefix, in any case', async (scene) => {
    const { id, token } = scene.person('alice');
    for (const prefix of ['jwt', 'JWT', 'Jwt', 'bearer', 'Bearer', 'BEARER', 'service_app', 'SERVICE_APP']) {
      const { status, body } = await scene.rest('GET', '/api/users/me', { as: `${prefix} ${token}` });
      like({ status, body }, { status: 200, body: { _id: id, aType: 'user' } }, prefix);
    }
  });
  const guarded = [
    ['GET', '/api/users/me'],
    ['GET', '/api/spaces/a'],
    ['GET', '/api/spaces/a/join'],
    ['GET', '/api/spaces/a/members'],
    ['POST', '/api/spaces/invite'],
    ['POST', '/api/spaces/a/attendees/userId/b'],
    ['DELETE', '/api/spaces/a/attendees/userId/b'],
    ['GET', '/api/spaces/a/activemeeting'],
  ];
  stage.one('S52', 'is refused without a token, or with a bad one', async (scene) => {
    const bad = [undefined, 'jwt nonsense', `jwt ${scene.person('alice', { life: -60 }).token}`, 'jwt', 'Basic bm86bm8='];
    for (const [method, path] of guarded) {
      const bodies = new Set();
      for (const as of bad) {
        const { status, text: body } = await scene.rest(method, path, { as, body: method === 'POST' ? {} : undefined });
        assert.equal(status, 401, `${method} ${path} ${as}`);
        bodies.add(body);
      }
      assert.equal(bodies.size, 1, 'the reason is nobody’s business');
    }
  });

  stage.one('S53', 'pages the members of a space', async (scene) => {
    const owner = scene.person('owner');
    const space = await scene.space(owner);
    for (const name of ['ann', 'ben', 'cleo', 'dan']) {
      const { status, body } = await scene.rest('POST', `/api/spaces/${space}/attendees/userId/${name}`, { as: owner, body: { role: 'member' } });
      like({ status, body }, { status: 200, body: exactly({ attendee: name, attendeeType: 'userId', role: 'member' }) });
    }
    const seen = [];
    let page = `/api/spaces/${space}/members?size=2&page=0&search=`;
    for (let pages = 0; page && pages < 9; pages += 1) {
      const { status, body } = await scene.rest('GET', page, { as: owner });
      like({ status, body }, { status: 200, body: { total: 5, data: (data) => data.length > 0 && data.length <= 2 } });
      seen.push(...body.data);
      page = body.nextPageUrl && new URL(body.nextPageUrl, scene.hub.url).pathname + new URL(body.nextPageUrl, scene.hub.url).search;
    }
    assert.deepEqual(seen.map(({ member }) => member).sort(), ['ann', 'ben', 'cleo', 'dan', owner.id].sort());
    for (const member of seen) like(member, { phone_numbers: Array.isArray, memberType: 'userId', role: text });
    const found = await scene.rest('GET', `/api/spaces/${space}/members?size=30&page=0&search=cle`, { as: owner });
    like(found.body, { total: 1, data: [{ member: 'cleo' }] });
  });
  stage.one('S53', 'changes roles, for users only and by admins only', async (scene) => {
    const [owner, bob] = [scene.person('owner'), scene.person('bob', { role: 'guest' })];
    const space = await scene.space(owner);
    const path = `/api/spaces/${space}/attendees/userId/${bob.id}`;
    assert.equal((await scene.rest('POST', path, { as: bob, body: { role: 'admin' } })).status, 403);
    like((await scene.rest('POST', path, { as: owner, body: { role: 'admin' } })).body, exactly({ attendee: bob.id, attendeeType: 'userId', role: 'admin' }));
    const member = await scene.member(J25, bob, space, { role: 'admin' });
    like(member.echo, { content: { role: 'admin' } });
    const anonymous = await scene.rest('POST', `/api/spaces/${space}/attendees/anonymousId/g1`, { as: owner, body: { role: 'admin' } });
    assert.ok(anonymous.status >= 400 && anonymous.status < 500, anonymous.text);
    assert.equal((await scene.rest('POST', path, { as: owner, body: { role: 'emperor' } })).status, 400);
  });
  stage.one('S53', 'says whether there is a meeting, and takes marks of reading', async (scene) => {
    const alice = await scene.member(J4, 'alice');
    const { person } = alice;
    assert.equal((await scene.rest('GET', `/api/spaces/${scene.topic}/activemeeting`, { as: person })).status, 404);
    await alice.online(scene.topic, { mediaSession: { connected: true, audio: true } });
    assert.equal((await scene.rest('GET', `/api/spaces/${scene.topic}/activemeeting`, { as: person })).status, 200);
    for (const path of [`/users/me/spaces/${scene.topic}/markread`, `/api/users/me/spaces/${scene.topic}/markread`]) {
      assert.equal((await scene.rest('POST', path, { as: person, body: {} })).status, 200, path);
    }
  });
  stage.one('S53', 'says something by REST', async (scene) => {
    const alice = await scene.subscribed(J4, 'alice');
    const { status } = await scene.rest('POST', `/api/spaces/${scene.topic}/chats`, { as: alice.person, body: { content: { bodyText: 'by hand' } } });
    assert.ok(status === 200 || status === 201, `${status}`);
    like(await alice.next('MESSAGE_SENT'), { content: { bodyText: 'by hand' }, sender: { _id: alice.person.id }, topicId: scene.topic });
  });
  stage.one('S53', 'says where Socket.IO is', async (scene) => {
    const { status, body } = await scene.rest('GET', '/api/service-configurations');
    assert.equal(status, 200);
    const url = new URL(body.spaces.socketio_server_url);
    assert.equal(url.pathname, '/chat');
    assert.equal(url.port, String(scene.hub.port));
  });
  stage.each('S53', JAVASCRIPT, 'connects to the URL as it is given', async (scene, kind) => {
    const { spaces } = (await scene.rest('GET', '/api/service-configurations')).body;
    for (const transports of ['websocket', 'default']) {
      const alice = await scene.member(kind, `alice-${transports}`, scene.topic, {}, { url: spaces.socketio_server_url, transports });
      like(alice.echo, { sender: { _id: alice.person.id } });
      assert.equal(alice.wire.connections, 0, 'past the wire');
    }
  });
  stage.one('S53', 'is the app itself with its secret', async (scene) => {
    const { status, body } = await scene.rest('GET', '/api/users/me', { as: BASIC });
    like({ status, body }, { status: 200, body: { _id: 'app:1', aType: 'bot' } });
  });
});
