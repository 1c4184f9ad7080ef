/** A failure of the user's deployment (not a bug of ours): `message` is for them, about the resource `urn`. */
export class StepFailure extends Error {
  constructor(
    message: string,
    readonly urn?: string,
  ) {
    super(message);
    this.name = "StepFailure";
  }
}
