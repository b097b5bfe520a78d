/// <reference lib="esnext.disposable" preserve="true" />
// What a library has beside its nouns.

import { Client, type CallOptions, type Transport } from "./transport.js";

// A host may be older than the symbol.
const asyncDispose: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose");

/** What a library has beside its nouns. */
export abstract class LibraryBase implements AsyncDisposable {
  /** @internal */
  declare protected readonly client: Client;

  constructor(transport: Transport) {
    Object.defineProperty(this, "client", { value: new Client(transport) });
  }

  /** Does an operation by its name, as every method does. `params` is its record of parameters. */
  call<T = unknown>(
    operation: string,
    params: object = {},
    { signal }: CallOptions = {},
  ): Promise<T> {
    return this.client.value<T>(operation, params, signal);
  }

  /**
   * Lets go of the library. What still waits is rejected with `conflict`. Runs under way go on
   * when a library is opened again; those of a gateway go on there.
   */
  close(): Promise<void> {
    return this.client.close();
  }

  /** The same as `close`, for `await using`. */
  [asyncDispose](): Promise<void> {
    return this.close();
  }
}
