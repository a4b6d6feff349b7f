using System.IO;
using UnityEditor.Build;
using UnityEditor.Build.Reporting;
using UnityEditor.UnityLinker;

namespace LibNim.Unity.Editor
{
    /// <summary>Hands link.xml to the linker, which looks for such files in Assets alone.</summary>
    internal sealed class LinkFile : IUnityLinkerProcessor
    {
        public int callbackOrder { get { return 0; } }

        public string GenerateAdditionalLinkXmlFile(BuildReport report, UnityLinkerBuildPipelineData data)
        {
            return Path.GetFullPath("Packages/com.libnim.unity/link.xml");
        }
    }
}
