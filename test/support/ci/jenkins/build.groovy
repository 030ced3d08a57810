// A build: `library WORKSPACE FOLDER OPTIONS COMMAND` calls the step of the library, `pipeline WORKSPACE JENKINSFILE` runs a Jenkinsfile.
import groovy.json.JsonSlurper
import org.codehaus.groovy.control.CompilerConfiguration
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException

def (kind, workspace, path) = args
def configuration = new CompilerConfiguration(scriptBaseClass: 'PipelineSteps')
def shell = new GroovyShell(this.class.classLoader, new Binding(), configuration)
PipelineSteps.workspace = workspace
if (kind == 'pipeline') {
    shell.parse(new File(path)).run()
    System.exit(PipelineSteps.result == 'SUCCESS' ? 0 : 1)
}
PipelineSteps.resources = "$path/resources"
def step = shell.parse(new File("$path/vars/converge.groovy"))
def options = new JsonSlurper().parseText(args[3])
def body = { step.sh(args[4]) }
try {
    // As a pipeline calls it: without options there is only the block.
    if (options.isEmpty()) step.call(body)
    else step.call(options, body)
    println 'Finished: SUCCESS'
} catch (FlowInterruptedException cancelled) {
    println 'Finished: ABORTED'
    System.exit(2)
} catch (Exception failure) {
    println "ERROR: ${failure.message}"
    println 'Finished: FAILURE'
    System.exit(1)
}
