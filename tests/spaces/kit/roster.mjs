// The list that a client keeps: parties by their id, upserted by `online`, removed by `leaves` and `party.removed`.

import assert from 'node:assert/strict';
import { within, PATIENCE } from '../../kit/patience.mjs';

/** Folds everything that a client ever heard of a topic. Gives [id, n of its content], in order of the ids. */
export function rosterOf(client, topic) {
  const parties = new Map();
  for (const { event, payload } of client.inbox.history) {
    if (event !== 'PRESENCE_EVENT_RESPONSE' || payload.topicId !== topic) continue;
    const { category, content, sender } = payload;
    if (category.endsWith('party.online')) parties.set(sender._id, content.n);
    if (category.endsWith('party.leaves')) parties.delete(sender._id);
    if (category === 'party.removed') parties.delete(content.attendee.attendee);
  }
  return [...parties].sort();
}

/** Waits until everybody has this list, and gives what each has if that does not happen. */
export async function agree(rosters, expected, patience = PATIENCE.leave) {
  const lists = () => Object.fromEntries(Object.entries(rosters).map(([name, roster]) => [name, roster()]));
  const isSame = async () => {
    for (;;) {
      const now = await Promise.all(Object.values(lists()));
      if (now.every((list) => JSON.stringify(list) === JSON.stringify(expected))) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  let isOver = false;
  await within(patience, () => 'everybody has the same roster', isSame()).catch(() => (isOver = true));
  if (!isOver) return;
  for (const [name, list] of Object.entries(lists())) assert.deepEqual(await list, expected, `the roster of ${name}`);
  assert.fail('the rosters were the same too late');
}
