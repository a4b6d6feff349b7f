using System.Runtime.CompilerServices;

// The stand-in of the editor loads what is in here.
[assembly: InternalsVisibleTo("tests")]
