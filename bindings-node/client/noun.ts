// What the nouns of a library have in common.

import type { Client } from "./transport.js";

/** One noun of a library, with its operations as methods. */
export abstract class Noun {
  /** @internal */
  declare protected readonly client: Client;

  /** @internal */
  constructor(client: Client) {
    // Not to be printed with every noun.
    Object.defineProperty(this, "client", { value: client });
  }
}
