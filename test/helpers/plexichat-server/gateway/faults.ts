/** What the gateway does wrong on command. */
export class GatewayFaults {
  #events = 0;
  #identifies = 0;
  #invalid = 0;
  #acking = true;

  /** Whether heartbeats are answered. */
  get acking(): boolean {
    return this.#acking;
  }

  /** The next `count` PRESENCE_UPDATEs to any session never existed: no gap in `s`, no replay. */
  dropEvents(count: number): void {
    this.#events = count;
  }

  /** The next `count` IDENTIFYs are neither answered nor acted on. */
  ignoreIdentifies(count: number): void {
    this.#identifies = count;
  }

  /** The next `count` IDENTIFYs or RESUMEs are answered with op 9 `false`. */
  invalidateSessions(count: number): void {
    this.#invalid = count;
  }

  stopAcking(): void {
    this.#acking = false;
  }

  ackAgain(): void {
    this.#acking = true;
  }

  takeEvent(): boolean {
    return this.#events > 0 && this.#events-- > 0;
  }

  takeIdentify(): boolean {
    return this.#identifies > 0 && this.#identifies-- > 0;
  }

  takeInvalid(): boolean {
    return this.#invalid > 0 && this.#invalid-- > 0;
  }
}
