// What the table of verbs says, as text: for help in the terminal and as Markdown for docs/shell.md.
#pragma once
#include "dom0/domain/table.h"
#include "dom0/domain/verb.h"

void verb_help_all(const struct text_sink *sink);
void verb_help_one(const struct text_sink *sink, const struct verb *verb);

// The whole reference, from the first verb's heading to the end of the last section.
void verb_markdown(const struct text_sink *sink);
