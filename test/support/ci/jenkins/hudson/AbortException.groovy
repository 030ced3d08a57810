// A step that failed, as Jenkins throws it.
package hudson

class AbortException extends IOException {
    AbortException(String message) { super(message) }
}
