// Following the event log.

import { Noun } from "./noun.js";
import type { Event } from "./records.js";
import { WAIT_MS } from "./runs.js";
import type { CallOptions } from "./transport.js";

/** From where to follow the log. */
export interface FollowOptions extends CallOptions {
  /** The number of the last event that was handled; 0, and so all there are, when absent. */
  after?: number | undefined;
}

/** What `lib.events` has beside its operations. */
export class EventsExtras extends Noun {
  /**
   * Follows the log: what is there and what comes, without end. Keep the number of the last event
   * handled, its `seq`: following from there misses nothing.
   */
  async *follow({ after = 0, signal }: FollowOptions = {}): AsyncGenerator<Event, void, undefined> {
    for (let last = after; ; ) {
      const params = { after: last, limit: 500, wait_ms: WAIT_MS };
      for (const event of await this.client.value<Event[]>("events.list", params, signal)) {
        yield event;
        last = event.seq;
      }
    }
  }
}
