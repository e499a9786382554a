/** What an HTTP function throws to answer with a problem document (RFC 9457). */

/** An answer that says what is wrong. `details` become members of the document. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly status: number;
  readonly details: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    title: string,
    {
      details = {},
      headers = {},
      cause,
    }: { details?: Record<string, unknown>; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(title, { cause });
    this.status = status;
    this.details = details;
    this.headers = headers;
  }
}
