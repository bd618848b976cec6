/*
 * What every HTML report has in common, in the order in which it is put: the
 * head of the document with its policy, which forbids everything and may be
 * added to between the first two, and the style sheet.
 *
 *     head [policy] title TEXT style sections [plots] charts
 */
#ifndef REPORTS_PAGE_H
#define REPORTS_PAGE_H

extern const char report_page_head[];     /* up to the policy's end */
extern const char report_page_title[];    /* and from there to the title */
extern const char report_page_style[];    /* to be followed by the last */
extern const char report_page_sections[]; /* between them: contents, cells */
extern const char report_page_plots[];
extern const char report_page_charts[];

#endif
