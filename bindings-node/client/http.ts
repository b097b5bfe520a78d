// The HTTP entry: a library behind a gateway. Nothing here is Node's: it runs in browsers and in
// panels that know `fetch` and little else.

import { Library } from "./client.js";
import { HttpTransport, type ConnectOptions } from "./fetch.js";
import type { AssetId, Role } from "./records.js";
import type { CallOptions } from "./transport.js";
import { Upload, type UploadOptions } from "./upload.js";

export * from "./index.js";
export type { ConnectOptions } from "./fetch.js";
export { Upload } from "./upload.js";
export type { UploadOptions, UploadProgress } from "./upload.js";

/** An address under which a file can be read without a token. */
export interface MediaUrl {
  /** The address. */
  url: string;
  /** When it ends to be valid. */
  expires_at: string;
}

/** Which file of a rendition, and for how long. */
export interface MediaUrlOptions extends CallOptions {
  /** The file of it, from 0. */
  part?: number | undefined;
  /** How long the address is valid, in seconds. */
  ttl_s?: number | undefined;
}

/**
 * Connects to the library behind a gateway. Nothing is asked of it before the first call.
 *
 * @example
 * const lib = connect("http://127.0.0.1:4700", { token });
 */
export function connect(url: string | URL, options: ConnectOptions = {}): RemoteLibrary {
  return new RemoteLibrary(new HttpTransport(String(url), options));
}

/** A library behind a gateway: what every library has, and how bytes get in and out. */
export class RemoteLibrary extends Library {
  readonly #http: HttpTransport;

  /** @internal */
  constructor(http: HttpTransport) {
    super(http);
    this.#http = http;
  }

  /** Makes an address for a rendition that media elements and other programs can open. */
  async mediaUrl(asset: AssetId, role: Role, options: MediaUrlOptions = {}): Promise<MediaUrl> {
    const { signal, ...which } = options;
    const made = await this.client.value<MediaUrl>("media-url", { asset, role, ...which }, signal);
    return { ...made, url: this.#http.absolute(made.url) };
  }

  /**
   * Sends a file into the library, in pieces that are resumed where a connection breaks.
   *
   * @example
   * const upload = lib.upload(file, { filename: file.name, tags: ["rain"] });
   * for await (const { sent, size } of upload.progress()) console.log(sent / size);
   * const asset = await (await upload.run()).result();
   */
  upload(data: Blob | ArrayBuffer | Uint8Array, options: UploadOptions): Upload {
    return new Upload(this.client, this.#http, data, options);
  }
}
