// Operations over HTTP, with `fetch`.

import { abortReason, onAbort } from "./abort.js";
import { EmamError, failure, fromJson } from "./errors.js";
import type { ErrorKind } from "./records.js";
import type { Transport } from "./transport.js";

/** How to reach a gateway. */
export interface ConnectOptions {
  /** The token the gateway asks for. */
  token?: string | undefined;
  /** How long an answer may take, in milliseconds; 60,000 unless told otherwise. */
  timeout_ms?: number | undefined;
  /** Another `fetch` than the host's. */
  fetch?: typeof fetch | undefined;
}

/** One request. */
export interface Request {
  method: string;
  /** A path of the gateway, or a whole address. */
  path: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** The operation errors name. */
  operation: string;
  signal?: AbortSignal | undefined;
}

/** What was answered, wholly read. */
export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

/** A gateway as a transport. */
export class HttpTransport implements Transport {
  readonly #base: string;
  readonly #options: ConnectOptions;
  readonly #closing = new AbortController();

  constructor(url: string, options: ConnectOptions) {
    this.#base = url.replace(/\/+$/, "");
    this.#options = options;
  }

  async call(operation: string, params: string, signal?: AbortSignal): Promise<string> {
    const path = `/v1/${encodeURIComponent(operation)}`;
    const headers = { "Content-Type": "application/json", Accept: "application/json" };
    const request = { method: "POST", path, headers, body: params, operation, signal };
    return (await this.send(request)).text;
  }

  async close(): Promise<void> {
    this.#closing.abort(failure("conflict", "library.close", "the library is closed"));
  }

  /** An address of the gateway as a whole one. */
  absolute(path: string): string {
    return path.startsWith("/") ? this.#base + path : path;
  }

  /** Sends a request and reads the answer; rejects where it is no success. */
  async send(request: Request): Promise<Answer> {
    const { operation, method, signal } = request;
    if (this.#closing.signal.aborted) {
      throw failure("conflict", operation, "the library is closed");
    }
    const { token, timeout_ms = 60_000 } = this.#options;
    // Bound late and called bare: browsers refuse a `fetch` that is another object's method.
    const send = this.#options.fetch ?? globalThis.fetch;
    const authorization = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    const link = linked([signal, this.#closing.signal], timeout_ms);
    try {
      const response = await send(this.absolute(request.path), {
        method,
        headers: { ...request.headers, ...authorization },
        ...(request.body === undefined ? {} : { body: request.body as BodyInit }),
        signal: link.signal,
      });
      const text = await response.text();
      if (!response.ok) {
        throw refusal(operation, response.status, text);
      }
      return { status: response.status, headers: response.headers, text };
    } catch (error) {
      if (error instanceof EmamError) {
        throw error;
      }
      if (signal?.aborted) {
        throw abortReason(signal);
      }
      if (this.#closing.signal.aborted) {
        throw failure("conflict", operation, "the library is closed");
      }
      const facts = { url: this.#base };
      if (link.late()) {
        throw failure("timeout", operation, `no answer came within ${timeout_ms} ms`, facts, error);
      }
      throw failure("unavailable", operation, "the gateway cannot be reached", facts, error);
    } finally {
      link.release();
    }
  }
}

/** A signal that is aborted with any of others, and when the time is over. */
function linked(signals: (AbortSignal | undefined)[], timeout_ms: number) {
  // AbortSignal.any and AbortSignal.timeout are not everywhere.
  const controller = new AbortController();
  let late = false;
  const abort = () => controller.abort();
  const timer = setTimeout(() => {
    late = true;
    abort();
  }, timeout_ms);
  const given = signals.filter((signal) => signal !== undefined);
  const forget = given.map((signal) => onAbort(signal, abort));
  if (given.some((signal) => signal.aborted)) {
    abort();
  }
  return {
    signal: controller.signal,
    late: () => late,
    release: () => {
      clearTimeout(timer);
      forget.forEach((end) => end());
    },
  };
}

/** What a status means where the body does not say it: something between has answered. */
const KINDS: Record<number, ErrorKind> = {
  400: "invalid_input",
  401: "unauthenticated",
  403: "permission_denied",
  404: "not_found",
  408: "timeout",
  409: "conflict",
  410: "not_found",
  413: "invalid_input",
  415: "invalid_input",
  423: "conflict",
  429: "rate_limited",
  502: "unavailable",
  503: "unavailable",
  504: "timeout",
};

/** The error of an answer: a problem whose body carries the library's own error. */
function refusal(operation: string, status: number, text: string): EmamError {
  const kind = KINDS[status] ?? "unexpected";
  const message = "the gateway has answered with no error of the library";
  const facts = { status: String(status), answer: text.slice(0, 200) };
  return fromJson(text) ?? failure(kind, operation, message, facts);
}
