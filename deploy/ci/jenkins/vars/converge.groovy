// converge(relay: 'https://RELAY') { … }: if what is in it fails, somebody may come in before the build goes on.
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException

/**
 * Options: relay (or the variable CONVERGE_RELAY), allow, maxLifetime, id, sha256. It fails as the body does, unless somebody
 * who is in says `converge continue`.
 */
def call(Map options = [:], Closure body) {
    try {
        body()
    } catch (FlowInterruptedException cancelled) {
        throw cancelled
    } catch (Exception failure) {
        if (!openDoor(options)) throw failure
        echo 'converge: this goes on as a success: somebody who was in said so'
    }
}

/** Whether the build goes on. What fails in here changes nothing; a build that is cancelled is. */
boolean openDoor(Map options) {
    try {
        return withEnv(variables(options)) {
            sh(label: 'Converge', returnStatus: true, script: "#!/bin/sh\n${libraryResource('converge/door.sh')}\nexit 1\n") == 0
        }
    } catch (FlowInterruptedException cancelled) {
        throw cancelled
    } catch (Exception fault) {
        echo "converge: no door: ${fault.message}"
        return false
    }
}

/** An option that is there and empty, such as a secret that is missing, lets nobody in. */
List variables(Map options) {
    return [
        "CONVERGE_RELAY=${options.relay ?: env.CONVERGE_RELAY ?: ''}",
        "CONVERGE_ALLOW=${options.containsKey('allow') ? options.allow ?: '' : 'password'}",
        "CONVERGE_MAX_LIFETIME=${options.maxLifetime ?: '2h'}",
        "CONVERGE_ID=${options.id ?: ''}",
        "CONVERGE_SHA256=${options.sha256 ?: ''}",
    ].collect { it.toString() }
}
