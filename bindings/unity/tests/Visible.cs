using System.Runtime.CompilerServices;

// The helpers of the C# tests read JSON with what the package has inside.
[assembly: InternalsVisibleTo("tests")]
