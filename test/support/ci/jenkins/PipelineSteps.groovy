// The steps of Pipeline that the files of deploy/ci/jenkins use, and Declarative's order of conditions: `sh` runs for real.
import hudson.AbortException
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException

abstract class PipelineSteps extends Script {
    /** https://www.jenkins.io/doc/book/pipeline/syntax/#post: the order in which they run. */
    static final List CONDITIONS = ['always', 'changed', 'fixed', 'regression', 'aborted', 'failure', 'success', 'unstable', 'unsuccessful', 'cleanup']
    static final Map ENVIRONMENT = [:]
    static String workspace
    static String resources
    static String result = 'SUCCESS'

    Map getEnv() { ENVIRONMENT }

    void echo(String text) { println text }

    String libraryResource(String path) { new File(resources, path).text }

    def withEnv(List variables, Closure body) {
        def before = new LinkedHashMap(ENVIRONMENT)
        variables.each { String variable ->
            def at = variable.indexOf('=')
            ENVIRONMENT[variable.substring(0, at)] = variable.substring(at + 1)
        }
        try {
            return body()
        } finally {
            ENVIRONMENT.clear()
            ENVIRONMENT.putAll(before)
        }
    }

    def sh(String script) { sh(script: script) }

    def sh(Map options) {
        assert (options.keySet() - ['script', 'label', 'returnStatus', 'returnStdout', 'encoding']).isEmpty()
        assert options.script instanceof String || options.script instanceof GString
        new File(workspace).mkdirs()
        def file = File.createTempFile('script', '.sh', new File(workspace).parentFile)
        file.text = options.script
        // Without a first line that names a program it is `sh -xe`.
        def words = options.script.startsWith('#!') ? [] : ['sh', '-xe']
        file.executable = true
        def builder = new ProcessBuilder((words + [file.path]) as String[]).directory(new File(workspace))
        ENVIRONMENT.each { name, value -> builder.environment().put(name as String, value as String) }
        def process = builder.inheritIO().start()
        def code = process.waitFor()
        file.delete()
        if (options.returnStatus) return code
        if (code == 143) throw new FlowInterruptedException()
        if (code != 0) throw new AbortException("script returned exit code $code")
    }

    /** Of the workspace-cleanup plugin. */
    void cleanWs() {
        println 'cleanWs'
        new File(workspace).deleteDir()
    }

    def getAny() { 'any' }

    void agent(value) { assert value == 'any' }

    void pipeline(Closure body) {
        def parts = [stages: null, post: null]
        def outer = this
        body.delegate = new Object() {
            def agent(value) { outer.agent(value) }
            def getAny() { 'any' }
            void stages(Closure inner) { parts.stages = inner }
            void post(Closure inner) { parts.post = inner }
        }
        body.resolveStrategy = Closure.DELEGATE_FIRST
        body()
        try {
            inside(parts.stages, [stage: { String name, Closure stage ->
                inside(stage, [steps: { Closure steps -> steps() }])
            }])
        } catch (AbortException failure) {
            result = 'FAILURE'
            println "ERROR: ${failure.message}"
        }
        def found = [:]
        inside(parts.post, CONDITIONS.collectEntries { name -> [name, { Closure inner -> found[name] = inner }] })
        def holding = result == 'FAILURE' ? ['always', 'failure', 'unsuccessful', 'cleanup'] : ['always', 'success', 'cleanup']
        CONDITIONS.findAll { it in holding && found[it] != null }.each { found[it]() }
        println "Finished: $result"
    }

    void inside(Closure body, Map words) {
        if (body == null) return
        body.delegate = new Expando(words)
        body.resolveStrategy = Closure.DELEGATE_FIRST
        body()
    }
}
