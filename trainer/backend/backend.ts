import { UserError } from '../../shared/user-error.ts';
/** A backend of tfjs can't be had or can't be installed here. The message says why, what is allowed and what to do. */
export class BackendError extends UserError {}
