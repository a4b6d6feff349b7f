// What the package uses of Unity, as thin as it can be. It stands in for the
// engine where there is none; it shows that the package compiles and that its
// own logic holds, and nothing about Unity itself.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace AOT
{
    [AttributeUsage(AttributeTargets.Method)]
    public sealed class MonoPInvokeCallbackAttribute : Attribute
    {
        public MonoPInvokeCallbackAttribute(Type type) { }
    }
}

namespace UnityEngine
{
    public enum HideFlags { None = 0, HideInHierarchy = 1 }

    public enum RuntimeInitializeLoadType
    {
        AfterSceneLoad = 0, BeforeSceneLoad = 1, AfterAssembliesLoaded = 2, BeforeSplashScreen = 3, SubsystemRegistration = 4,
    }

    [AttributeUsage(AttributeTargets.Method)]
    public sealed class RuntimeInitializeOnLoadMethodAttribute : Attribute
    {
        public RuntimeInitializeOnLoadMethodAttribute(RuntimeInitializeLoadType loadType) { this.loadType = loadType; }

        public RuntimeInitializeLoadType loadType { get; private set; }
    }

    public sealed class AddComponentMenu : Attribute { public AddComponentMenu(string name) { } }

    public sealed class SerializeField : Attribute { }

    public class Object
    {
        public HideFlags hideFlags { get; set; }

        public static void DontDestroyOnLoad(Object target) { }
    }

    public class Component : Object { }

    public class Behaviour : Component { }

    public class MonoBehaviour : Behaviour { }

    public sealed class GameObject : Object
    {
        public GameObject(string name) { }

        public T AddComponent<T>() where T : Component, new()
        {
            var c = new T();
            StandIn.Engine.Add(c);
            return c;
        }
    }

    public static class Application
    {
        public static string persistentDataPath { get { return StandIn.Engine.DataPath; } }
    }

    public static class Debug
    {
        public static void Log(object message) { StandIn.Engine.Console.Add("log: " + message); }

        public static void LogError(object message) { StandIn.Engine.Console.Add("error: " + message); }

        public static void LogException(Exception e) { StandIn.Engine.Console.Add("exception: " + e.Message); }
    }
}

namespace UnityEditor
{
    [AttributeUsage(AttributeTargets.Class)]
    public sealed class InitializeOnLoadAttribute : Attribute { }

    public static class AssemblyReloadEvents
    {
        public delegate void AssemblyReloadCallback();

        public static event AssemblyReloadCallback beforeAssemblyReload;

        public static void Raise() { if (beforeAssemblyReload != null) beforeAssemblyReload(); }
    }
}

namespace UnityEditor.Build
{
    public interface IOrderedCallback { int callbackOrder { get; } }
}

namespace UnityEditor.Build.Reporting
{
    public sealed class BuildReport { }
}

namespace UnityEditor.UnityLinker
{
    public sealed class UnityLinkerBuildPipelineData { }

    public interface IUnityLinkerProcessor : Build.IOrderedCallback
    {
        string GenerateAdditionalLinkXmlFile(Build.Reporting.BuildReport report, UnityLinkerBuildPipelineData data);
    }
}

namespace StandIn
{
    /// <summary>The player loop: what calls scripts, and in which order.</summary>
    public static class Engine
    {
        private const BindingFlags Any =
            BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance;

        private static readonly List<UnityEngine.Component> Living = new List<UnityEngine.Component>();

        public static readonly List<string> Console = new List<string>();

        public static string DataPath { get; set; }

        public static void Add(UnityEngine.Component c)
        {
            Living.Add(c);
            Call(c, "OnEnable");
        }

        private static void Call(object target, string method)
        {
            MethodInfo m = target.GetType().GetMethod(method, Any, null, Type.EmptyTypes, null);
            if (m != null) m.Invoke(target, null);
        }

        /// <summary>The editor has loaded scripts.</summary>
        public static void Load(params Assembly[] scripts)
        {
            foreach (Type t in scripts.SelectMany(a => a.GetTypes()))
                if (t.GetCustomAttributes(typeof(UnityEditor.InitializeOnLoadAttribute), false).Length > 0)
                    RuntimeHelpers.RunClassConstructor(t.TypeHandle);
        }

        /// <summary>A play session begins.</summary>
        public static void Play(params Assembly[] scripts)
        {
            foreach (var when in new[]
            {
                UnityEngine.RuntimeInitializeLoadType.SubsystemRegistration, UnityEngine.RuntimeInitializeLoadType.BeforeSceneLoad,
            })
                foreach (MethodInfo m in scripts.SelectMany(a => a.GetTypes()).SelectMany(t => t.GetMethods(Any)))
                    foreach (UnityEngine.RuntimeInitializeOnLoadMethodAttribute a in
                        m.GetCustomAttributes(typeof(UnityEngine.RuntimeInitializeOnLoadMethodAttribute), false))
                        if (a.loadType == when) m.Invoke(null, null);
        }

        /// <summary>The first frame of an object.</summary>
        public static void Start(UnityEngine.Component c) { Call(c, "Start"); }

        /// <summary>One frame.</summary>
        public static void Frame() { foreach (var c in Living.ToArray()) Call(c, "Update"); }

        /// <summary>The play session ends, as a game does or as the editor's stop button does.</summary>
        public static void Quit()
        {
            foreach (var c in Living.ToArray()) Call(c, "OnApplicationQuit");
            Living.Clear();
        }

        /// <summary>The play session is gone without a word to the scripts.</summary>
        public static void Abandon() { Living.Clear(); }

        public static int Objects { get { return Living.Count; } }
    }
}
