/** Everything that can go wrong between asking a real server and having its whole reply. */
export const OUTBOUND_FAULTS = [
  'refused',
  'reset',
  'timeout',
  'dns',
  'tls',
  'too_large',
  'redirected',
  'unreachable',
] as const;

/**
 * `refused`: nobody listens there. `reset`: the connection ended before the reply did. `timeout`: the whole reply was
 * not there in time. `dns`: the host has no address. `tls`: no trusted encryption. `too_large`: the body is beyond the
 * limit, or the headers are. `redirected`: the server points elsewhere, where nobody follows. `unreachable`: the rest.
 */
export type OutboundFault = (typeof OUTBOUND_FAULTS)[number];

/**
 * No usable reply. It holds the fault and nothing else: what lies below may quote what was sent or received, and
 * errors end up in logs.
 */
export class OutboundError extends Error {
  readonly fault: OutboundFault;

  constructor(fault: OutboundFault) {
    super(`The server gave no usable reply: ${fault}`);
    this.name = 'OutboundError';
    this.fault = fault;
  }
}

const FAULT_OF_CODE = new Map<string, OutboundFault>(
  Object.entries({
    ECONNREFUSED: 'refused',
    ECONNRESET: 'reset',
    ECONNABORTED: 'reset',
    EPIPE: 'reset',
    UND_ERR_SOCKET: 'reset',
    UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'reset',
    ETIMEDOUT: 'timeout',
    UND_ERR_CONNECT_TIMEOUT: 'timeout',
    UND_ERR_HEADERS_TIMEOUT: 'timeout',
    UND_ERR_BODY_TIMEOUT: 'timeout',
    ENOTFOUND: 'dns',
    EAI_AGAIN: 'dns',
    EAI_FAIL: 'dns',
    EPROTO: 'tls',
    UND_ERR_RES_EXCEEDED_MAX_SIZE: 'too_large',
    UND_ERR_HEADERS_OVERFLOW: 'too_large',
  }),
);

/** How the codes begin that Node gives to handshakes that fail and to certificates that it does not trust. */
const TLS_CODE =
  /^(ERR_TLS|ERR_SSL|CERT_|CRL_|ERROR_IN_C|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|INVALID_(CA|PURPOSE)|PATH_LENGTH|HOSTNAME_)/;

/** What an error of a socket or of the HTTP client means. */
export function faultOf(error: unknown): OutboundFault {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return FAULT_OF_CODE.get(code) ?? (TLS_CODE.test(code) ? 'tls' : 'unreachable');
}
