// Lists that come in pages.

/** What a page has, whatever it is of. */
export interface AnyPage {
  /** The records of this page. */
  items: readonly unknown[];
  /** The cursor of the next page; absent on the last. */
  next?: string | null;
}

/**
 * A list that is read page by page as you go through it. Nothing is asked for before that, and
 * nothing after you stop.
 *
 * @example
 * for await (const hit of lib.assets.search("rain")) console.log(hit.asset.title);
 * const { total } = await lib.assets.search("rain").first();
 */
export class Pages<P extends AnyPage> implements AsyncIterable<P["items"][number]> {
  readonly #read: (next?: string) => Promise<P>;

  constructor(read: (next?: string) => Promise<P>) {
    this.#read = read;
  }

  /** The first page, with what it says of all: their number, the facets. */
  first(): Promise<P> {
    return this.#read();
  }

  /** Goes through the pages. */
  async *pages(): AsyncGenerator<P, void, undefined> {
    let page = await this.#read();
    yield page;
    while (page.next) {
      page = await this.#read(page.next);
      yield page;
    }
  }

  /** Goes through the items of all pages. */
  async *[Symbol.asyncIterator](): AsyncGenerator<P["items"][number], void, undefined> {
    for await (const page of this.pages()) {
      yield* page.items as Awaited<P["items"][number]>[];
    }
  }
}
