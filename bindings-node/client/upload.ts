// Files sent to a gateway in pieces: tus 1.0 (https://tus.io/protocols/resumable-upload).

import { abortReason, onAbort } from "./abort.js";
import type { AssetsIngestOptions } from "./client.js";
import { encode } from "./encode.js";
import { EmamError, failure } from "./errors.js";
import type { Answer, HttpTransport } from "./fetch.js";
import type { Asset } from "./records.js";
import { RunHandle } from "./runs.js";
import type { CallOptions, Client } from "./transport.js";

const OPERATION = "uploads.send";
const PIECE_BYTES = 8 * 1024 * 1024;
const ATTEMPTS = 5;

/** What to send and how to ingest it. */
export interface UploadOptions extends AssetsIngestOptions {
  /** The name of the file. */
  filename: string;
  /** How many bytes a piece has; 8 MiB unless told otherwise. */
  piece_bytes?: number | undefined;
  /** The address of an upload begun earlier, to go on with it: its `url`. */
  resume?: string | undefined;
}

/** How far an upload is. */
export interface UploadProgress {
  /** The bytes that have arrived. */
  sent: number;
  /** The bytes there are. */
  size: number;
}

/** A file on its way into a library. It moves while `progress` is read or `run` is awaited. */
export class Upload {
  readonly #client: Client;
  readonly #http: HttpTransport;
  readonly #data: Blob | Uint8Array;
  readonly #options: UploadOptions;
  readonly #size: number;
  #url: string | undefined;
  #sent = 0;
  #run: RunHandle<Asset> | undefined;
  #moving: Promise<void> = Promise.resolve();

  /** @internal */
  constructor(
    client: Client,
    http: HttpTransport,
    data: Blob | ArrayBuffer | Uint8Array,
    options: UploadOptions,
  ) {
    this.#client = client;
    this.#http = http;
    this.#data = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
    this.#size = "size" in this.#data ? this.#data.size : this.#data.byteLength;
    this.#options = options;
  }

  /** Its address once it has begun. Keep it to go on after the program has ended. */
  get url(): string | undefined {
    return this.#url;
  }

  /** Sends it and tells after each piece how far it is. */
  async *progress(): AsyncGenerator<UploadProgress, void, undefined> {
    while (this.#run === undefined) {
      await this.#move();
      yield { sent: this.#sent, size: this.#size };
    }
  }

  /** Sends what is left of it and gives the run that ingests it. */
  async run(): Promise<RunHandle<Asset>> {
    while (this.#run === undefined) {
      await this.#move();
    }
    return this.#run;
  }

  /** Gives it up and lets the gateway forget what has arrived. */
  async cancel({ signal }: CallOptions = {}): Promise<void> {
    if (this.#url !== undefined) {
      await this.#ask("DELETE", this.#url, {}, undefined, signal);
      this.#url = undefined;
      this.#sent = 0;
    }
  }

  /** Goes one piece on. Who asks while another does waits for it. */
  #move(): Promise<void> {
    const next = this.#moving.then(() => this.#step());
    this.#moving = next.catch(() => {});
    return next;
  }

  async #step(): Promise<void> {
    if (this.#run !== undefined) {
      return;
    }
    for (let attempt = 1; ; attempt++) {
      try {
        if (this.#url === undefined) {
          await this.#begin();
        } else if (attempt > 1) {
          await this.#look();
        }
        // The run is told of by the answer to the last piece, or by a look where that was lost.
        return this.#run === undefined ? await this.#send() : undefined;
      } catch (error) {
        const again = error instanceof EmamError && (error.retryable || error.code === "conflict");
        if (!again || attempt === ATTEMPTS) {
          throw error;
        }
        await pause(error.retry_after_ms ?? 250 * 2 ** attempt, this.#options.signal);
      }
    }
  }

  async #begin(): Promise<void> {
    const { filename, piece_bytes: _piece, resume, signal: _signal, ...options } = this.#options;
    if (resume !== undefined) {
      this.#url = resume;
      return this.#look();
    }
    const metadata = { filename, options: encode(OPERATION, options) };
    const pairs = Object.entries(metadata).map(([key, value]) => `${key} ${base64(value)}`);
    const headers = { "Upload-Length": `${this.#size}`, "Upload-Metadata": pairs.join(",") };
    const answer = await this.#ask("POST", "/v1/uploads", headers);
    const url = answer.headers.get("Location");
    if (url === null) {
      throw failure("unexpected", OPERATION, "the gateway names no address for the upload");
    }
    this.#url = this.#http.absolute(url);
    this.#note(answer);
  }

  /** Asks how much has arrived. */
  async #look(): Promise<void> {
    this.#note(await this.#ask("HEAD", this.#url ?? "", {}));
  }

  async #send(): Promise<void> {
    const { piece_bytes = PIECE_BYTES } = this.#options;
    const piece = await bytes(this.#data, this.#sent, this.#sent + piece_bytes);
    const headers = {
      "Content-Type": "application/offset+octet-stream",
      "Upload-Offset": `${this.#sent}`,
    };
    this.#note(await this.#ask("PATCH", this.#url ?? "", headers, piece));
  }

  #note({ headers }: Answer): void {
    this.#sent = Number(headers.get("Upload-Offset") ?? this.#sent);
    const run = headers.get("Emam-Run");
    if (run !== null) {
      const asset = headers.get("Emam-Asset");
      this.#run = new RunHandle<Asset>(this.#client, { run, asset });
    }
  }

  #ask(
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: Uint8Array,
    signal = this.#options.signal,
  ): Promise<Answer> {
    if (signal?.aborted) {
      return Promise.reject(abortReason(signal));
    }
    const all = { "Tus-Resumable": "1.0.0", ...headers };
    const request = { method, path, headers: all, operation: OPERATION, signal };
    return this.#http.send(body === undefined ? request : { ...request, body });
  }
}

async function bytes(data: Blob | Uint8Array, from: number, to: number): Promise<Uint8Array> {
  if (data instanceof Uint8Array) {
    return data.subarray(from, to);
  }
  return new Uint8Array(await data.slice(from, to).arrayBuffer());
}

/** The base64 of a text in UTF-8, with what every host has. */
function base64(text: string): string {
  const octets = encodeURIComponent(text).replace(/%(..)/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return btoa(octets);
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const forget = signal && onAbort(signal, () => end(() => reject(abortReason(signal))));
    const timer = setTimeout(() => end(resolve), ms);
    function end(settle: () => void) {
      clearTimeout(timer);
      forget?.();
      settle();
    }
  });
}
