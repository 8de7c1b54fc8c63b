// History, as far as it is served (section 3.11 of the reference): by hand.

import assert from 'node:assert/strict';
import { suite } from './kit/scene.mjs';

const ROOM = 'room x';
const PATH = 'room%20x';
const ONE = `/v2/history/sub-key/{sub}/channel/${PATH}`;
const MANY = `/v3/history/sub-key/{sub}/channel/${PATH}`;
const META = encodeURIComponent('{"lang":"en"}');

suite('history', (stage) => {
  /** Says these, in order. Gives their timetokens. */
  async function says(scene, messages, channel = PATH) {
    const stamps = [];
    for (const [message, query] of messages) stamps.push(await scene.publish(channel, message, { uuid: 'ben', ...query }));
    return stamps;
  }

  /** The body of an answer that must be a success. */
  async function read(scene, path, query = {}) {
    const { status, body, text } = await scene.raw.get(path, query);
    assert.equal(status, 200, text);
    return body;
  }

  /** What each channel has, of an answer of the newer form. */
  async function channels(scene, path, query) {
    const { channels: all, ...more } = await read(scene, path, query);
    assert.deepEqual(more, { status: 200, error: false, error_message: '' });
    return all;
  }

  stage.one('3.11 raw', 'is told messages as they were said, and on request when and with what', async (scene) => {
    const [first, second] = await says(scene, [[{ a: 1 }, { meta: META }], ['two']]);
    const place = [Number(first), Number(second)];
    assert.deepEqual(await read(scene, ONE), [[{ a: 1 }, 'two'], ...place]);
    const more = await read(scene, ONE, { include_token: true, include_meta: true });
    assert.deepEqual(more, [[{ message: { a: 1 }, timetoken: place[0], meta: { lang: 'en' } }, { message: 'two', timetoken: place[1], meta: '' }], ...place]);
    assert.deepEqual(await read(scene, '/v2/history/sub-key/{sub}/channel/empty'), [[], 0, 0]);
  });

  stage.one('3.11 raw', 'is told as many as it asks for, the newest or the oldest, before, after and between', async (scene) => {
    const at = await says(scene, [1, 2, 3, 4, 5].map((n) => [n]));
    const of = async (query) => (await read(scene, ONE, query))[0];
    assert.deepEqual(await of({ count: 2 }), [4, 5]);
    assert.deepEqual(await of({ count: 2, reverse: true }), [1, 2]);
    // The start is not in it, the end is.
    assert.deepEqual(await of({ start: at[2] }), [1, 2]);
    assert.deepEqual(await of({ count: 1, start: at[2] }), [2]);
    assert.deepEqual(await of({ start: at[2], reverse: true }), [4, 5]);
    assert.deepEqual(await of({ end: at[2] }), [3, 4, 5]);
    assert.deepEqual(await of({ start: at[3], end: at[1] }), [2, 3]);
    const newer = (await channels(scene, MANY, { max: 2, start: at[3] }))['room%20x'];
    assert.deepEqual(newer.map(({ message, timetoken }) => [message, timetoken]), [[2, at[1]], [3, at[2]]]);
  });

  stage.one('3.11 raw', 'is told of several channels by their encoded names, with what it asks for', async (scene) => {
    const [tt] = await says(scene, [['hey', { meta: META, custom_message_type: 'text-line' }]]);
    const [other] = await says(scene, [['ho']], 'room-b');
    const two = `/v3/history/sub-key/{sub}/channel/${PATH},room-b,empty`;
    const all = { include_meta: true, include_uuid: true, include_message_type: true, include_custom_message_type: true };
    const first = { message: 'hey', timetoken: tt };
    assert.deepEqual(await channels(scene, two), { 'room%20x': [first], 'room-b': [{ message: 'ho', timetoken: other }] });
    const rich = { ...first, message_type: null, uuid: 'ben', custom_message_type: 'text-line', meta: { lang: 'en' } };
    assert.deepEqual(await channels(scene, MANY, all), { 'room%20x': [rich] });
    const acts = await channels(scene, `/v3/history-with-actions/sub-key/{sub}/channel/${PATH}`);
    assert.deepEqual(acts, { 'room%20x': [{ ...first, actions: {} }] });
  });

  stage.one('3.11 raw', 'counts messages since one time, or one for each channel', async (scene) => {
    const at = await says(scene, [['a'], ['b'], ['c']]);
    await says(scene, [['d']], 'room-b');
    const path = `/v3/history/sub-key/{sub}/message-counts/${PATH},room-b`;
    assert.deepEqual(await channels(scene, path, { timetoken: at[0] }), { [ROOM]: 2, 'room-b': 1 });
    assert.deepEqual(await channels(scene, path, { channelsTimetoken: `1,${at[2]}` }), { [ROOM]: 3, 'room-b': 1 });
    for (const query of [{}, { timetoken: 1, channelsTimetoken: '1,1' }, { channelsTimetoken: '1,1,1' }, { timetoken: 'soon' }]) {
      const { status, body } = await scene.raw.get(path, query);
      assert.deepEqual([status, body.status, body.error, body.error_message ?? body.message], [400, 400, true, 'Invalid Arguments'], JSON.stringify(query));
    }
  });

  stage.one('3.11 raw', 'is not told what was not to be kept', async (scene) => {
    await says(scene, [['kept'], ['not kept', { store: 0 }]]);
    await scene.raw.get(`/signal/{pub}/{sub}/0/${PATH}/0/%22typing%22`);
    assert.deepEqual((await read(scene, ONE))[0], ['kept']);
  });
});
