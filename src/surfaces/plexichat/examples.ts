/** Shell lines to try the surface with: set a presence, read it. */
export function plexichatExamples(baseUrl: string, userId: string, token: string): string[] {
  const users = `${baseUrl}/api/v1/users`;
  const authorization = `-H "Authorization: Bearer ${token}"`;
  const body = JSON.stringify({ status: 'dnd', custom_status: 'In a meeting', custom_emoji: ':computer:' });
  return [
    `curl -X PUT "${users}/@me/presence" ${authorization} -H "Content-Type: application/json" -d '${body}'`,
    `curl "${users}/${userId}/presence" ${authorization}`,
  ];
}
