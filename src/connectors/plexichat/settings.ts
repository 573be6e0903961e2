/** Durations in ms. */
export interface PlexichatSettings {
  /** Of the bridge's own account. */
  readonly token?: string | undefined;
  readonly token_key?: string | undefined;
  readonly receive: boolean;
  readonly push: boolean;
  readonly requests_per_minute: number;
  readonly requests_per_day: number;
  readonly reconcile_every: number;
  readonly unknown_after: number;
}

/** What an operator should know of settings that are allowed. */
export function warningsOf({ token, token_key, receive, push }: PlexichatSettings): string[] {
  const warnings = [];
  if (token?.startsWith('bot.')) {
    warnings.push('The token is a bot token: it acts as the owner of the bot, who is shown online by it');
  }
  if (receive && token === undefined) {
    warnings.push('Without a token no presence is taken: only tokens are verified and linked people written');
  }
  if (push && token_key === undefined) {
    warnings.push('Without token_key nobody can give a token, so nothing is written');
  }
  return warnings;
}
