// Signals that abort calls.

/** What an aborted call rejects with: the signal's reason, an `AbortError` unless set. */
export function abortReason(signal: AbortSignal): unknown {
  if (signal.reason !== undefined) {
    return signal.reason;
  }
  // Some hosts know signals without reasons.
  const error = new Error("the call was aborted");
  error.name = "AbortError";
  return error;
}

/** Who waits for a signal, and the one listener that tells them. */
interface Waiting {
  callbacks: Set<() => void>;
  listen: () => void;
}

const waiting = new WeakMap<AbortSignal, Waiting>();

/**
 * Calls back when a signal aborts, until the function it gives is called. However many wait, the
 * signal has one listener: Node warns of more than ten.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const { callbacks, listen } = waiting.get(signal) ?? begin(signal);
  const own = () => callback();
  callbacks.add(own);
  return () => {
    if (callbacks.delete(own) && callbacks.size === 0) {
      waiting.delete(signal);
      signal.removeEventListener("abort", listen);
    }
  };
}

function begin(signal: AbortSignal): Waiting {
  const callbacks = new Set<() => void>();
  const listen = () => [...callbacks].forEach((call) => call());
  signal.addEventListener("abort", listen);
  const begun = { callbacks, listen };
  waiting.set(signal, begun);
  return begun;
}
