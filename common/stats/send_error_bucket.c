/* SPDX-License-Identifier: Apache-2.0 */
/* Which errors of packets can pass, and which cannot. */
#include <speadline/stats.h>

#include <errno.h>

enum spead_send_bucket spead_send_error_bucket(int error)
{
    switch (-error) {
    case 0:
        return SPEAD_SEND_SENT;
    case ECANCELED:
        return SPEAD_SEND_ABANDONED;
    case ENOBUFS:
        return SPEAD_SEND_DROPPED_LOCAL;
    case ENETUNREACH:
    case ENETDOWN:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENONET:
    case ENODEV: /* the interface was deleted; the engine looks for one of the same name */
    case EADDRNOTAVAIL:
    case EPERM:  /* a firewall rule */
    case EACCES: /* a route of the kind "prohibit", or an ICMP message that says so */
    case EINVAL: /* a route of the kind "blackhole"; older kernels also when the source address is gone */
    case ECONNREFUSED: /* many ICMP messages in a row */
    case ENOPROTOOPT:  /* the same */
    case EPROTO:       /* the same */
        return SPEAD_SEND_UNREACHABLE;
    default:
        return SPEAD_SEND_FAILED;
    }
}
