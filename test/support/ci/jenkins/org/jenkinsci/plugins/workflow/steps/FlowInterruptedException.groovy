// A build that was cancelled, as Pipeline throws it.
package org.jenkinsci.plugins.workflow.steps

class FlowInterruptedException extends InterruptedException {
}
