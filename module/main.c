// SPDX-License-Identifier: GPL-2.0
/*
 * Module entry and exit: the order in which the parts come and go.
 *
 * A part that fails says why in one line, and what came before it is undone in
 * reverse.  The device is last to come and first to go, so that nobody can ask
 * for what is not there.
 */
#include <linux/module.h>

#include "core.h"
#include "svm/svm.h"

static int __init svmm_init(void)
{
	int ret;

	ret = svm_init();
	if (ret)
		return ret;
	ret = cpuid_init();
	if (ret)
		goto err_svm;
	ret = netlink_init();
	if (ret) {
		pr_err("svmm: cannot register the netlink family \"svmm\" (%d)\n", ret);
		goto err_svm;
	}
	ret = dev_init();
	if (ret)
		goto err_netlink;
	return 0;

err_netlink:
	netlink_exit();
err_svm:
	svm_exit();
	return ret;
}

static void __exit svmm_exit(void)
{
	dev_exit();
	netlink_exit();
	svm_exit();
}

module_init(svmm_init);
module_exit(svmm_exit);
MODULE_DESCRIPTION("AMD-V hypervisor");
MODULE_VERSION(SVMM_VERSION);
MODULE_LICENSE("GPL");
