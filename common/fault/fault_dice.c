/* SPDX-License-Identifier: Apache-2.0 */
/* The dice decide what happens to each packet. Their random numbers come from the generator xoroshiro128+ (Blackman and
 * Vigna 2018, public domain).
 *
 * For each packet, the dice draw a fixed count of random numbers in a fixed order, even if some of them decide nothing.
 * So when a user changes the probability of one fault, all other faults still hit the same packets. */
#include <speadi/fault.h>

/* The generator splitmix64. It computes the 128 bits of state of the main generator from the 64 bits of the seed, as
 * the authors of the main generator advise. */
static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static uint64_t draw(uint64_t state[2])
{
    uint64_t a = state[0], b = state[1];

    state[0] = rotate(a, 24) ^ (a ^ b) ^ (a ^ b) << 16;
    state[1] = rotate(a ^ b, 37);
    return a + b;
}

static bool happens(uint64_t random, double chance)
{
    /* The left side is a random number that is at least 0 and below 1. So a fault with the chance 1 always happens, and
     * a fault with the chance 0 never happens. */
    return (double)(random >> 11) * 0x1p-53 < chance;
}

/* Converts a random number to a number from 0 to bound - 1. */
static uint32_t below(uint64_t random, uint32_t bound)
{
    return (uint32_t)((random >> 32) * bound >> 32);
}

void speadi_fault_dice_init(struct speadi_fault_dice *dice, const struct speadi_fault_spec *spec)
{
    uint64_t seed = spec->seed;

    *dice = (struct speadi_fault_dice){.spec = *spec};
    dice->state[0] = splitmix(&seed);
    dice->state[1] = splitmix(&seed);
}

static bool lose(struct speadi_fault_dice *dice, uint64_t random)
{
    if (dice->losing > 0) {
        dice->losing--;
        return true;
    }
    if (!happens(random, dice->spec.loss))
        return false;
    dice->losing = dice->spec.burst - 1;
    return true;
}

struct speadi_fault_decision speadi_fault_roll(struct speadi_fault_dice *dice, uint32_t bytes)
{
    const struct speadi_fault_spec *spec = &dice->spec;
    struct speadi_fault_decision decision = {.keep_bytes = bytes, .flip_bit = UINT32_MAX};
    /* The random numbers for one packet. [0] decides whether the packet is lost, [1] whether it is repeated, [2]
     * whether it is overtaken, and [3] by how many packets. [4] decides whether it is cut, and [5] where. [6] decides
     * whether a bit is inverted, and [7] which bit. */
    uint64_t random[8];

    for (unsigned i = 0; i < 8; i++)
        random[i] = draw(dice->state);
    if (lose(dice, random[0])) {
        decision.drop = true;
        return decision;
    }
    decision.duplicate = happens(random[1], spec->duplicate);
    if (spec->reorder > 0 && happens(random[2], spec->reorder_chance))
        decision.hold = 1 + below(random[3], spec->reorder);
    if (bytes > 0 && happens(random[4], spec->truncate))
        decision.keep_bytes = below(random[5], bytes);
    if (decision.keep_bytes > 0 && happens(random[6], spec->flip))
        decision.flip_bit = below(random[7], decision.keep_bytes * 8);
    return decision;
}
