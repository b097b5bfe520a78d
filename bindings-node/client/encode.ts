// Values of JavaScript as JSON, without what JSON.stringify would change in silence.

import { failure } from "./errors.js";

/**
 * The JSON of parameters. What JSON does not have is refused by its place: JSON.stringify would
 * turn NaN to null and leave functions out.
 */
export function encode(operation: string, params: object): string {
  check(operation, params, "", []);
  return JSON.stringify(params);
}

function check(operation: string, value: unknown, at: string, above: object[]): void {
  switch (typeof value) {
    case "number":
      if (!Number.isFinite(value)) {
        throw refused(operation, at, `${value} is no number in JSON`);
      }
      return;
    case "bigint":
      throw refused(operation, at, "a BigInt has no JSON; use a number");
    case "function":
    case "symbol":
      throw refused(operation, at, `a ${typeof value} has no JSON`);
    case "object":
      break;
    default:
      return;
  }
  if (value === null || typeof (value as { toJSON?: unknown }).toJSON === "function") {
    return;
  }
  if (above.includes(value)) {
    throw refused(operation, at, "it holds itself");
  }
  const inside = [...above, value];
  if (Array.isArray(value)) {
    value.forEach((item, index) => check(operation, item, `${at}[${index}]`, inside));
    return;
  }
  const tag = Object.prototype.toString.call(value);
  if (tag !== "[object Object]") {
    throw refused(operation, at, `a ${tag.slice(8, -1)} has no JSON; use a list or a plain object`);
  }
  for (const [key, item] of Object.entries(value)) {
    check(operation, item, at === "" ? key : `${at}.${key}`, inside);
  }
}

function refused(operation: string, at: string, message: string): Error {
  return failure("invalid_input", operation, `the parameters are wrong: ${message}`, { at });
}
