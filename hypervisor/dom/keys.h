/* SPDX-License-Identifier: MIT */
/* Debug keys about domains. */
#ifndef DOM_KEYS_H
#define DOM_KEYS_H

void domain_keys_init(void);

#endif
