/* SPDX-License-Identifier: MIT */
/*
 * See pit.h. The count is computed from the time since it was loaded or since the gate opened, when somebody asks.
 * vcpus that race on the latches see what they would on a machine.
 */
#include <machine/time.h>
#include <pv/pit.h>

#define PIT_HZ       1193182UL
#define NS_PER_SEC   1000000000UL
#define GATE_OPEN    0x01
#define GATE_WRITTEN 0x03           /* gate of channel 2, speaker: what a guest can set */
#define GATE_REFRESH 0x10           /* toggles */
#define GATE_OUT2    0x20

enum { ACCESS_LATCH, ACCESS_LOW, ACCESS_HIGH, ACCESS_BOTH };

static bool is_periodic(const struct pv_pit *p) { return p->mode == 2 || p->mode == 3; }
static u64 period(const struct pv_pit *p) { return p->reload ? p->reload : 0x10000; }

/* Ticks counted since the last load; whole seconds apart, so that nothing overflows. */
static u64 elapsed(const struct pv_pit *p)
{
    u64 ns;

    if (!(p->gate & GATE_OPEN))
        return p->counted;
    ns = time_now_ns() - p->since_ns;
    return p->counted + ns / NS_PER_SEC * PIT_HZ + ns % NS_PER_SEC * PIT_HZ / NS_PER_SEC;
}

static u16 count_now(const struct pv_pit *p)
{
    u64 ticks = elapsed(p);

    if (!is_periodic(p))
        return (u16)(p->reload - ticks);
    return (u16)(period(p) - (p->mode == 3 ? 2 * ticks : ticks) % period(p));
}

static bool out_is_high(const struct pv_pit *p)
{
    u64 ticks = elapsed(p);

    switch (p->mode) {
    case 2: return true;
    case 3: return ticks % period(p) < (period(p) + 1) / 2;
    default: return ticks >= period(p);
    }
}

static void set_gate(struct pv_pit *p, u8 value)
{
    bool opens = value & ~p->gate & GATE_OPEN;

    p->counted = elapsed(p);
    if (opens && p->mode != 0 && p->mode != 4)      /* a rising edge starts these modes again */
        p->counted = 0;
    p->gate = value & GATE_WRITTEN;
    p->since_ns = time_now_ns();
}

static void load(struct pv_pit *p, u16 value)
{
    p->reload = value;
    p->counted = 0;
    p->since_ns = time_now_ns();
}

static void control(struct pv_pit *p, u8 word)
{
    unsigned access = word >> 4 & 3, mode = word >> 1 & 7;

    if (word >> 6 != 2)
        return;
    if (access == ACCESS_LATCH) {
        if (!p->latched)
            p->latch = count_now(p);
        p->latched = true;
        return;
    }
    p->access = (u8)access;
    p->mode = (u8)(mode > 5 ? mode & 3 : mode);
    p->second = p->latched = false;
}

static void write_counter(struct pv_pit *p, u8 value)
{
    if (p->access == ACCESS_LOW) {
        load(p, value);
    } else if (p->access == ACCESS_HIGH) {
        load(p, (u16)(value << 8));
    } else if (p->second) {
        load(p, (u16)(value << 8 | p->low));
        p->second = false;
    } else {
        p->low = value;
        p->second = true;
    }
}

static u8 read_counter(struct pv_pit *p)
{
    u16 count = p->latched ? p->latch : count_now(p);
    bool high = p->access == ACCESS_HIGH || (p->access == ACCESS_BOTH && p->second);

    if (p->access == ACCESS_BOTH)
        p->second = !p->second;
    if (!p->second)
        p->latched = false;
    return (u8)(high ? count >> 8 : count);
}

u8 pit_read(struct pv_pit *p, u16 port)
{
    switch (port) {
    case PORT_PIT_COUNTER2:
        return read_counter(p);
    case PORT_PIT_GATE:
        p->refresh ^= GATE_REFRESH;
        return p->gate | p->refresh | (out_is_high(p) ? GATE_OUT2 : 0);
    default:
        return 0xff;
    }
}

void pit_write(struct pv_pit *p, u16 port, u8 value)
{
    switch (port) {
    case PORT_PIT_COUNTER2:
        write_counter(p, value);
        break;
    case PORT_PIT_CONTROL:
        control(p, value);
        break;
    case PORT_PIT_GATE:
        set_gate(p, value);
        break;
    default:
        break;
    }
}
