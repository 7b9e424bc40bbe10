# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Reads what the guest has written, and answers its question.
dir=/local/domain/$(xl domid "$1")/data
until xenstore-exists "$dir/question" 2>/dev/null; do sleep 0.1; done
echo "it says: $(xenstore-read "$dir/greeting"), and asks: $(xenstore-read "$dir/question")"
xenstore-write "$dir/answer" "well, thank you"
until [ "$(xenstore-read "$dir/question")" = done ]; do sleep 0.1; done
xenstore-exists "$dir/answer" || echo "it has removed the answer"
