/** Shell lines to try the surface with; `userId` must be free of characters that a URL or a shell would take for its own. */
export function matrixExamples(baseUrl: string, userId: string, token: string): string[] {
  const status = (version: string) => `${baseUrl}/_matrix/client/${version}/presence/${userId}/status`;
  const body = JSON.stringify({ presence: 'free_for_chat', status_msg: 'Come and talk' });
  return [
    `curl -X PUT "${status('api/v1')}?access_token=${token}" -d '${body}'`,
    `curl "${status('v3')}" -H "Authorization: Bearer ${token}"`,
  ];
}
