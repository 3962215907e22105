// SPDX-License-Identifier: GPL-2.0
/*
 * svmm-coverage.ko: which blocks of svmm.ko have run, in /proc/svmm_coverage.
 *
 * scripts/coverage builds an svmm.ko that calls __sanitizer_cov_trace_pc() at the begin of each
 * block, on a kernel without KCOV, and loads this module first.  What ran is kept while svmm.ko
 * comes and goes: the same file has the same layout each time it is loaded.
 *
 * The file has lines `text OFFSET` and `init OFFSET`, the places behind those calls, from the begin
 * of the module's code and of its code for loading; and `at text ADDRESS`, `at init ADDRESS`, where
 * that was in the instance that was loaded last, by which /sys/module/svmm/sections can be
 * understood.
 */
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#define CODE_MAX	(1 << 20)

enum { TEXT, INIT, NR_PARTS };

static const char * const names[] = { "text", "init" };
static u8 ran[NR_PARTS][CODE_MAX];
static unsigned long base[NR_PARTS];		/* of the svmm.ko that came last */

/* Called anywhere, with GIF = 0 and in NMIs, too: it takes no lock. */
notrace void __sanitizer_cov_trace_pc(void)
{
	unsigned long pc = (unsigned long)__builtin_return_address(0);
	unsigned int i;

	for (i = 0; i < NR_PARTS; i++)
		if (pc - base[i] < CODE_MAX && !ran[i][pc - base[i]])
			WRITE_ONCE(ran[i][pc - base[i]], 1);
}
EXPORT_SYMBOL_GPL(__sanitizer_cov_trace_pc);

static int module_event(struct notifier_block *nb, unsigned long event, void *data)
{
	struct module *mod = data;

	if (event != MODULE_STATE_COMING || strcmp(mod->name, "svmm"))
		return NOTIFY_DONE;
	base[TEXT] = (unsigned long)mod->core_layout.base;	/* as of 6.1 */
	base[INIT] = (unsigned long)mod->init_layout.base;
	return NOTIFY_OK;
}

static struct notifier_block module_notifier = { .notifier_call = module_event };

static int coverage_show(struct seq_file *m, void *v)
{
	unsigned int i, offset;

	for (i = 0; i < NR_PARTS; i++) {
		seq_printf(m, "at %s %lx\n", names[i], base[i]);
		for (offset = 0; offset < CODE_MAX; offset++)
			if (ran[i][offset])
				seq_printf(m, "%s %x\n", names[i], offset);
	}
	return 0;
}

static int __init coverage_init(void)
{
	int ret = register_module_notifier(&module_notifier);

	if (!ret && !proc_create_single("svmm_coverage", 0400, NULL, coverage_show)) {
		unregister_module_notifier(&module_notifier);
		ret = -ENOMEM;
	}
	return ret;
}

static void __exit coverage_exit(void)
{
	remove_proc_entry("svmm_coverage", NULL);
	unregister_module_notifier(&module_notifier);
}

module_init(coverage_init);
module_exit(coverage_exit);

MODULE_DESCRIPTION("Which blocks of svmm.ko have run");
MODULE_LICENSE("GPL");
