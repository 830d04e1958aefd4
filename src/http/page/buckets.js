// Owns: how long a bucket of time is, for a stretch of it and the room that there is, and where there is nothing
// between two buckets. Lengths are those that the service takes: seconds that divide a day, or days.

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;

const LENGTHS = [1, 2, 5, 10, 15, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
  HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 28 * DAY, 91 * DAY, 365 * DAY];

/** The shortest length in seconds with which there are no more buckets than this. */
export function bucketSeconds(fromMs, toMs, bucketsMax) {
  const seconds = Math.max(1, (toMs - fromMs) / 1000);
  return LENGTHS.find((length) => seconds / length <= bucketsMax) ?? LENGTHS[LENGTHS.length - 1];
}

export function lengthName(seconds) {
  const units = [[DAY, 'day'], [HOUR, 'hour'], [MINUTE, 'minute'], [1, 'second']];
  const [length, name] = units.find(([unit]) => seconds % unit === 0);
  const count = seconds / length;
  return count + ' ' + name + (count === 1 ? '' : 's');
}
