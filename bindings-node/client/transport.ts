// How operations reach a library, and the one caller above it.

import { abortReason } from "./abort.js";
import { encode } from "./encode.js";
import { failure } from "./errors.js";
import { Pages, type AnyPage } from "./pages.js";
import type { Started, StartedMany } from "./records.js";
import { RunHandle, RunHandles } from "./runs.js";

/** How operations reach a library: natively, over HTTP, or as you like. */
export interface Transport {
  /** Does an operation: JSON in, JSON out. Rejects with an `EmamError`, or the signal's reason. */
  call(operation: string, params: string, signal?: AbortSignal): Promise<string>;
  /** Lets go of the library. What still waits is rejected. */
  close(): Promise<void>;
}

/** What every call takes beside its own options. */
export interface CallOptions {
  /** Aborts the call. What it may have done already stays done. */
  signal?: AbortSignal | undefined;
}

/** Does operations and wraps what they give. */
export class Client {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Does an operation that gives a value. */
  async value<T>(operation: string, params: object, signal?: AbortSignal): Promise<T> {
    if (signal?.aborted) {
      throw abortReason(signal);
    }
    const answer = await this.#transport.call(operation, encode(operation, params), signal);
    try {
      return JSON.parse(answer) as T;
    } catch (cause) {
      throw failure("unexpected", operation, "the answer is no JSON", {}, cause);
    }
  }

  /** Does an operation that gives nothing. */
  async done(operation: string, params: object, signal?: AbortSignal): Promise<void> {
    await this.value(operation, params, signal);
  }

  /** Prepares an operation that gives pages; `params` makes the parameters of the next one. */
  pages<P extends AnyPage>(
    operation: string,
    params: (next?: string) => object,
    signal?: AbortSignal,
  ): Pages<P> {
    return new Pages((next) => this.value<P>(operation, params(next), signal));
  }

  /** Does an operation that starts a run. */
  async run<T>(operation: string, params: object, signal?: AbortSignal): Promise<RunHandle<T>> {
    const started = await this.value<Started>(operation, params, signal);
    return new RunHandle<T>(this, started);
  }

  /** Does an operation that starts many runs. */
  async runs<T>(operation: string, params: object, signal?: AbortSignal): Promise<RunHandles<T>> {
    const { runs, refused } = await this.value<StartedMany>(operation, params, signal);
    return RunHandles.with<T>(
      runs.map((started) => new RunHandle<T>(this, started)),
      refused,
    );
  }

  /** Lets go of the library. */
  close(): Promise<void> {
    return this.#transport.close();
  }
}
