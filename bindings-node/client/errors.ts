// What every call of the library fails with, over whichever transport.

import type { ErrorInfo, ErrorKind } from "./records.js";

const BRAND = Symbol.for("emam.EmamError");

/** What every call of the library fails with. Branch on its `code`. */
export class EmamError extends Error {
  /** What went wrong: the kind of the error. */
  readonly code: ErrorKind;
  /** Where, as `noun.verb`. */
  readonly operation: string;
  /** Whether doing the same again can succeed. */
  readonly retryable: boolean;
  /** How long to wait before trying again, in milliseconds, where that is known. */
  declare readonly retry_after_ms?: number;
  /** The facts: which file, which id, which limit. */
  readonly context: Readonly<Record<string, string>>;
  /** The causes, outermost first. */
  readonly causes: readonly string[];
  /** The error as the record that crossed from the library. */
  declare readonly info: ErrorInfo;

  constructor(info: ErrorInfo, options?: { cause?: unknown }) {
    super(sentence(info), options);
    this.code = info.kind;
    this.operation = info.operation;
    this.retryable = info.retryable;
    if (typeof info.retry_after_ms === "number") {
      this.retry_after_ms = info.retry_after_ms;
    }
    this.context = Object.fromEntries(info.context ?? []);
    this.causes = info.causes ?? [];
    // It says once more what stands above: not to be printed with it.
    Object.defineProperty(this, "info", { value: info });
  }

  /** The error as its record. */
  toJSON(): ErrorInfo {
    return this.info;
  }

  /** Whether a value is one, of whichever copy of this module: a program may load two. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === "object" && value !== null && BRAND in value;
  }

  static {
    Object.defineProperty(this.prototype, "name", { value: "EmamError", configurable: true });
    Object.defineProperty(this.prototype, BRAND, { value: true });
  }
}

/** The words of an error, the same as in every other language. */
function sentence(info: ErrorInfo): string {
  const facts = (info.context ?? []).map(([key, value]) => `${key}: ${value}`);
  const beside = facts.length === 0 ? "" : ` (${facts.join(", ")})`;
  return `${info.kind} in ${info.operation}: ${info.message}${beside}`;
}

/** An error that is made on this side. */
export function failure(
  kind: ErrorKind,
  operation: string,
  message: string,
  context: Record<string, string> = {},
  cause?: unknown,
): EmamError {
  const retryable = kind === "unavailable" || kind === "timeout" || kind === "rate_limited";
  const causes = cause === undefined ? [] : [String((cause as Error)?.message ?? cause)];
  const facts = Object.entries(context) as ErrorInfo["context"];
  const info: ErrorInfo = { kind, operation, message, retryable, context: facts, causes };
  return new EmamError(info, cause === undefined ? undefined : { cause });
}

/** The error of a text that should be the JSON of an `ErrorInfo`; nothing where it is not. */
export function fromJson(text: string): EmamError | undefined {
  try {
    const said = JSON.parse(text) as Partial<ErrorInfo> | null;
    if (typeof said?.kind === "string" && typeof said.operation === "string") {
      // A problem of HTTP says more beside it.
      const { kind, operation, message, retryable, retry_after_ms, context, causes } =
        said as ErrorInfo;
      const wait = retry_after_ms == null ? {} : { retry_after_ms };
      return new EmamError({ kind, operation, message, retryable, ...wait, context, causes });
    }
  } catch {
    // It is other text.
  }
  return undefined;
}
