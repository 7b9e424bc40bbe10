/* SPDX-License-Identifier: MIT */
/*
 * Who may do what to whom. The one table is hypercalls.tbl: its WHO column says for each operation which right the
 * caller needs; here it is applied to the caller and the domain that the operation names.
 */
#include <hcall/hcall.h>

enum who { WHO_NOBODY, WHO_ANY, WHO_SELF, WHO_CONTROL, WHO_HARDWARE };

#define OPERATIONS 96
#define X(call, op, right) _Static_assert((op) < OPERATIONS, "room for every operation");
HCALL_RIGHTS(X)
#undef X

static const u8 table[HCALL_COUNT][OPERATIONS] = {
#define X(call, op, right) [call][op] = WHO_##right,
    HCALL_RIGHTS(X)
#undef X
};

/* other: the operation is on another domain than the caller's. */
static u32 rights_needed(unsigned who, bool other)
{
    switch (who) {
    case WHO_ANY:
        return 0;
    case WHO_SELF:
        return other ? RIGHT_CONTROL : 0;
    case WHO_HARDWARE:
        return RIGHT_HARDWARE | (other ? RIGHT_CONTROL : 0);
    default:
        return RIGHT_CONTROL;
    }
}

static unsigned who_may(unsigned call, unsigned op)
{
    return call < HCALL_COUNT && op < OPERATIONS ? table[call][op] : WHO_NOBODY;
}

int hcall_allowed(unsigned call, unsigned op, const struct domain *object)
{
    const struct domain *subject = current_domain();
    u32 rights = rights_needed(who_may(call, op), object && object != subject);
    struct policy_question q = { subject, object, rights, (u16)call, (u16)op };

    return policy_ask(&q);
}

/* That there is no such domain is said to those who might act on it, and where anybody may ask about himself. */
int hcall_target(unsigned call, unsigned op, u16 domid, struct domain **d)
{
    unsigned who = who_may(call, op);
    int rc;

    *d = domain_lookup_self(domid);
    if (*d)
        return hcall_allowed(call, op, *d);
    rc = policy_check(current_domain(), who == WHO_SELF ? 0 : rights_needed(who, true));
    return rc ? rc : -ESRCH;
}
