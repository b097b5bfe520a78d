// What both entries export.

export { Library } from "./client.js";
export type * from "./client.js";
export { EmamError } from "./errors.js";
export type { FollowOptions } from "./events.js";
export { Pages } from "./pages.js";
export type { AnyPage } from "./pages.js";
export type * from "./records.js";
export { RunHandle, RunHandles } from "./runs.js";
export type { ResultOptions } from "./runs.js";
export type { CallOptions, Transport } from "./transport.js";
