// The Node entry: a library in this process.

import { fileURLToPath } from "node:url";

import { abortReason, onAbort } from "./abort.js";
import binding = require("./binding.cjs");
import { Library, type OpenOptions } from "./client.js";
import { encode } from "./encode.js";
import { type EmamError, failure, fromJson } from "./errors.js";
import type { Transport } from "./transport.js";

export * from "./index.js";

/**
 * Opens the library in a folder, made where there is none. Runs that were under way when it was
 * last closed go on.
 *
 * @example
 * const lib = await open("media");
 */
export async function open(folder: string | URL, options: OpenOptions = {}): Promise<Library> {
  const { signal, ...settings } = options;
  if (signal?.aborted) {
    throw abortReason(signal);
  }
  const path = folder instanceof URL ? fileURLToPath(folder) : folder;
  const params = encode("library.open", { folder: path, ...settings });
  try {
    return new Library(new NativeTransport(await binding.open(params)));
  } catch (error) {
    throw asError(error, "library.open");
  }
}

class NativeTransport implements Transport {
  readonly #native: InstanceType<typeof binding.Native>;

  constructor(native: InstanceType<typeof binding.Native>) {
    this.#native = native;
  }

  async call(operation: string, params: string, signal?: AbortSignal): Promise<string> {
    try {
      if (signal === undefined) {
        return await this.#native.call(operation, params);
      }
      return await abortable(this.#native.prepare(operation, params), signal);
    } catch (error) {
      throw signal?.aborted ? abortReason(signal) : asError(error, operation);
    }
  }

  async close(): Promise<void> {
    await this.#native.close();
  }
}

async function abortable(call: InstanceType<typeof binding.Call>, signal: AbortSignal) {
  let forget = () => {};
  const aborted = new Promise<never>((_, reject) => {
    forget = onAbort(signal, () => {
      call.abort();
      reject(abortReason(signal));
    });
  });
  try {
    return await Promise.race([call.done(), aborted]);
  } finally {
    forget();
  }
}

/** The error of what the native core has rejected with: the JSON of an `ErrorInfo`. */
function asError(error: unknown, operation: string): EmamError {
  const message = error instanceof Error ? error.message : String(error);
  return (
    fromJson(message) ??
    failure("unexpected", operation, "the native core has failed", { reason: message }, error)
  );
}
