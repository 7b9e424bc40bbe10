/* SPDX-License-Identifier: MIT */
/*
 * Moving an irq to another CPU without losing an interrupt. Contracts and the idea: irq.h.
 *
 * An irq has at most one old vector. While it has, or while a level-triggered interrupt is in service (its EOI must
 * find the entry's vector unchanged), a wish to move is only noted in want_cpu.
 */
#include <irq/gsi.h>
#include <irq/message.h>
#include <irq/msi.h>
#include <lib/errno.h>

/* The current vector becomes the old one. */
static void vector_leave(struct irq *irq)
{
    irq->old_vector = irq->vector;
    irq->old_cpu = irq->cpu;
    irq->vector = 0;
}

/* Can the source be held while its vector changes? What an edge or a message does meanwhile would else be lost. */
static bool can_hold(const struct irq *irq)
{
    return irq->masked || (irq->kind == IRQ_GSI ? irq->level : msi_can_mask(irq));
}

int irq_move(struct irq *irq, unsigned cpu)
{
    u8 vector = irq->vector;
    int got;

    irq->want_cpu = (u16)cpu;
    if (!vector || cpu == irq->cpu || irq->old_vector || (irq->kind == IRQ_GSI && gsi_in_service(irq)))
        return 0;
    got = vector_alloc(cpu, irq->number, vector);
    if (got >= 0 && got != vector && !can_hold(irq)) {
        vector_free(cpu, (u8)got);
        got = -EBUSY;
    }
    if (got < 0) {
        irq->want_cpu = irq->cpu;
        return got;
    }
    vector_leave(irq);
    irq->vector = (u8)got;
    irq->cpu = (u16)cpu;
    irq_program(irq);
    cpu_send_ipi(irq->old_cpu, VECTOR_CLEANUP);
    return 0;
}

void irq_move_postponed(struct irq *irq)
{
    if (irq->want_cpu != irq->cpu && irq->vector)
        (void)!irq_move(irq, irq->want_cpu);    /* stays where it is if there is no room */
}

void irq_retire_vector(struct irq *irq)
{
    if (!irq->vector || irq->old_vector)
        return;
    vector_leave(irq);
    cpu_send_ipi(irq->old_cpu, VECTOR_CLEANUP);
}

void irq_cleanup(void)
{
    for (u32 number = 0; number < NR_IRQS; number++) {
        struct irq *irq = irq_lookup(number);

        if (!irq || !READ_ONCE(irq->old_vector))
            continue;
        spin_lock(&irq->lock);
        if (irq->old_vector && irq->old_cpu == cpu_id()) {
            vector_free(irq->old_cpu, irq->old_vector);
            irq->old_vector = 0;
            if (irq->kind == IRQ_UNUSED)
                irq_retire_vector(irq);
            else
                irq_move_postponed(irq);
        }
        spin_unlock(&irq->lock);
    }
}

int irq_set_affinity(u32 number, unsigned cpu)
{
    struct irq *irq = irq_lookup(number);
    int err;

    if (!irq || !message_reaches(cpu))
        return -EINVAL;
    spin_lock(&irq->lock);
    err = irq_move(irq, cpu);
    spin_unlock(&irq->lock);
    return err;
}
