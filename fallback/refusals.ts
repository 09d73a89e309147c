/** More waits than is allowed, or than could be answered in time. */
export class QueueFullError extends Error {
  override name = 'QueueFullError';
  /** When to ask again, from what is measured of the searches. */
  readonly retryAfterSeconds: number;
  constructor(message: string, retryAfterSeconds: number) {
    super(message);
    this.retryAfterSeconds = Math.max(1, Math.ceil(retryAfterSeconds));
  }
}

/** The request's time was up before its search began, or while it waited for the rest of it. */
export class ExpiredError extends Error {
  override name = 'ExpiredError';
}
