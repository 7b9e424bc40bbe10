/* SPDX-License-Identifier: MIT */
/*
 * The protocol of a device that makes letters large. Class "vupper": the front end writes ring-ref and event-channel,
 * the back end answers each request with a response of the same id. Both ends include this file.
 */
#pragma once

#include <stdint.h>
#include <xen/io/ring.h>

#define UPPER_TEXT 52

struct upper_request {
    uint32_t id, bytes;         /* bytes of the text; at most UPPER_TEXT */
    char text[UPPER_TEXT];
};

struct upper_response {
    uint32_t id;
    int32_t status;             /* 0; -1: the request made no sense */
    char text[UPPER_TEXT];
};

DEFINE_RING_TYPES(upper, struct upper_request, struct upper_response);
