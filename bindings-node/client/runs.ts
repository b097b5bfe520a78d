// Runs in the hand: watch them, wait for them, stop them.

import { EmamError } from "./errors.js";
import { Noun } from "./noun.js";
import type { AssetId, Progress, Refused, Run, RunId, RunProgress, Started } from "./records.js";
import type { CallOptions, Client } from "./transport.js";

/** How long one question for news is left open, in milliseconds: less than proxies allow. */
export const WAIT_MS = 25_000;

/** How long to wait for the result of a run. */
export interface ResultOptions extends CallOptions {
  /** How long at most, in milliseconds; as long as it takes when absent. */
  timeout_ms?: number | undefined;
}

/**
 * A run that was started. Letting go of it changes nothing: the run goes on.
 *
 * @example
 * const run = await lib.assets.ingest("A001.mov");
 * for await (const { step, fraction } of run.progress()) console.log(step, fraction);
 * const asset = await run.result();
 */
export class RunHandle<T> {
  /** Its id. */
  readonly id: RunId;
  /** The asset it is about, where it is about one: of an ingest, the one registered for it. */
  readonly asset: AssetId | undefined;
  readonly #client: Client;

  constructor(client: Client, started: Started) {
    this.#client = client;
    this.id = started.run;
    this.asset = started.asset ?? undefined;
  }

  /**
   * Goes through the news of its progress until it has ended. News that comes faster than it is
   * asked for is passed over.
   */
  async *progress({ signal }: CallOptions = {}): AsyncGenerator<Progress, void, undefined> {
    let seen: Progress | undefined;
    for (;;) {
      const params = { id: this.id, seen, timeout_ms: WAIT_MS };
      const news = await this.#client.value<RunProgress>("runs.progress", params, signal);
      if (news.progress) {
        seen = news.progress;
        yield seen;
      }
      if (news.ended) {
        return;
      }
    }
  }

  /**
   * Waits until the run is done, whichever process does it, and gives what it made. Rejects with
   * the error the run was given up for, with `cancelled`, or with `timeout`.
   */
  async result({ timeout_ms, signal }: ResultOptions = {}): Promise<T> {
    const until = timeout_ms === undefined ? Infinity : Date.now() + timeout_ms;
    for (;;) {
      // A whole number: the library counts milliseconds, clocks may not.
      const left = Math.ceil(Math.max(0, Math.min(until - Date.now(), WAIT_MS)));
      try {
        const params = { id: this.id, timeout_ms: left };
        return await this.#client.value<T>("runs.join", params, signal);
      } catch (error) {
        // The run may have failed with a timeout of its own: that is another operation's.
        const waited = error instanceof EmamError && error.code === "timeout";
        if (!waited || !error.operation.startsWith("runs.") || Date.now() >= until) {
          throw error;
        }
      }
    }
  }

  /** Asks the run to stop; it is stopped soon. What it has stored is tidied away. */
  cancel({ signal }: CallOptions = {}): Promise<Run> {
    return this.#client.value<Run>("runs.cancel", { id: this.id }, signal);
  }
}

/** Runs that were started together, in the order of what was asked for. */
export class RunHandles<T> extends Array<RunHandle<T>> {
  /** What was not taken, and why. */
  declare refused: Refused[];

  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  /** @internal */
  static with<T>(handles: RunHandle<T>[], refused: Refused[]): RunHandles<T> {
    const all = new RunHandles<T>();
    all.push(...handles);
    return Object.defineProperty(all, "refused", { value: refused, enumerable: true });
  }
}

/** What `lib.runs` has beside its operations. */
export class RunsExtras extends Noun {
  /** Takes a run in the hand, to watch it and wait for its result. */
  async handle<T = unknown>(id: RunId, { signal }: CallOptions = {}): Promise<RunHandle<T>> {
    const run = await this.client.value<Run>("runs.get", { id }, signal);
    return new RunHandle<T>(this.client, { run: run.id, asset: run.asset ?? null });
  }
}
