// The contract as data, read from the repository's `events/`.
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { parsePolicy } from "../../../src/ecoklit/web/field/core/policy.js";

const EVENTS = new URL("../../../events/", import.meta.url);

export const vectors = (name) => JSON.parse(readFileSync(new URL(`vectors/${name}`, EVENTS), "utf8"));

export const histories = () =>
  ["stories", "histories"].flatMap((folder) =>
    readdirSync(fileURLToPath(new URL(`vectors/${folder}/`, EVENTS)))
      .sort()
      .map((file) => ({ name: `${folder}/${file}`, story: vectors(`${folder}/${file}`) })),
  );

export function policies(more = []) {
  const known = readdirSync(fileURLToPath(new URL("policies/", EVENTS)))
    .filter((file) => file.endsWith(".json"))
    .map((file) => JSON.parse(readFileSync(new URL(`policies/${file}`, EVENTS), "utf8")));
  return new Map([...known, ...more].map((value) => [value.policy, parsePolicy(value)]));
}
