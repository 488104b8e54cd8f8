// What could stand where the cursor is: verbs, options, domains, configurations aboard.
#pragma once

// Called with each whole line that TEXT could become.
typedef void completion_add(void *to, const char *text);
void completion_offer(const char *text, completion_add *add, void *to);

// The names that completion knows of; implemented by the domain manager. Calls OFFER with each.
typedef void completion_name(void *context, const char *name);
void completion_domains(completion_name *offer, void *context);
void completion_files(completion_name *offer, void *context);
