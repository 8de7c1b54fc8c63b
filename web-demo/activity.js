// Whether the person is away: every tab of theirs is hidden, or nobody touched one for five minutes.

const KEY = 'presence-hub.last-seen';
const IDLE_MS = 5 * 60_000;
const HIDDEN_MS = 15_000;
const TICK_MS = 5_000;
const SIGNS_OF_LIFE = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'];

/**
 * Watches this tab, and through storage the person's other tabs.
 * @param {string} scope Distinguishes people who share a browser.
 * @param {(isAway: boolean) => void} changed
 * @returns {() => void} Call it when the scope changes: looks again at once.
 */
export function watchActivity(scope, changed) {
  const key = `${KEY}.${scope}`;
  let touchedAt = Date.now();
  let isAway = false;

  const look = () => {
    const now = Date.now();
    const isHere = document.visibilityState === 'visible' && now - touchedAt < IDLE_MS;
    if (isHere) keep(key, now);
    const next = !isHere && now - keptAt(key) >= HIDDEN_MS;
    if (next === isAway) return;
    isAway = next;
    changed(isAway);
  };
  const touch = () => {
    touchedAt = Date.now();
    if (isAway) look();
  };

  for (const sign of SIGNS_OF_LIFE) addEventListener(sign, touch, { passive: true });
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') touchedAt = Date.now();
    look();
  });
  addEventListener('storage', (event) => event.key === key && look());
  setInterval(look, TICK_MS);
  look();
  return look;
}

function keep(key, now) {
  try {
    localStorage.setItem(key, String(now));
  } catch {
    // Without storage each tab decides for itself.
  }
}

function keptAt(key) {
  try {
    return Number(localStorage.getItem(key)) || 0;
  } catch {
    return 0;
  }
}
