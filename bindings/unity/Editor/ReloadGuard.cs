using UnityEditor;

namespace LibNim.Unity.Editor
{
    /// <summary>
    /// Lets go of the library before the editor unloads the scripts: it stays loaded, and must not
    /// call into code that is gone. The session goes on.
    /// </summary>
    [InitializeOnLoad]
    internal static class ReloadGuard
    {
        static ReloadGuard() { AssemblyReloadEvents.beforeAssemblyReload += NimLibrary.DetachCallbacks; }
    }
}
