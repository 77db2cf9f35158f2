/** Every bound of the contract that a phone must know, each with its reason in `core/limits.py`. */

export const LINE_BYTES_MAX = 16 * 1024;
export const INTEGER_MAX = Number.MAX_SAFE_INTEGER;
export const NESTING_MAX = 16;
export const CLOCK_ENTRIES_MAX = 64;
export const EVENTS_PER_DEVICE_AND_VOTER_MAX = 99;
export const ATTEMPTS_MAX = 99;
export const PUSH_EVENTS_MAX = 1000;
export const PUSH_BYTES_MAX = 900_000;
export const PUSH_REGISTRY_LINES_MAX = 200;
export const REGISTRY_TPS_MAX = 400;
export const JUDGED_MAX = 100_000;
