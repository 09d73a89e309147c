/**
 * A failure that the user can act on. Its message says what is wrong, what is allowed and what to do; a command prints it as one line,
 * without a stack trace. Subclasses need no other registration.
 */
export class UserError extends Error {
  /** Exit code of the command that fails with it. */
  readonly exitCode: number = 1;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** A command or a function was used wrongly. */
export class UsageError extends UserError {
  override readonly exitCode = 2;
}
